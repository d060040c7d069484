// Lists the sections that a plan must have. The prompt asks for them, and the check of the plan demands them.

export const PLAN_SECTIONS = {
  lite: ["Files to Modify", "Implementation Steps", "Testing Strategy"],
  full: [
    "Files to Modify",
    "New Files",
    "File Delta",
    "Implementation Steps",
    "Testing Strategy",
    "Acceptance Criteria",
    "Key Considerations",
  ],
} as const;

export type PlanScale = keyof typeof PLAN_SECTIONS;
