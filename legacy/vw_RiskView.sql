/* -----------------------------------------------------------------------------
   High risk patients on the waiting list, with their long term conditions.
   Feeds the sheet "Risk" of Waiting List Summary.xlsx
   22/06/2020 AK  first version, for the Covid recovery group
   08/02/2021 AK  conditions added so that the ward can see them
   -------------------------------------------------------------------------- */
CREATE VIEW [dbo].[vw_RiskView]
AS
SELECT r.[Referral_ID]
      ,r.[Trust_ID]
      ,c.[Condition_Name]
      ,DATEDIFF(year, p.[DOB], GETDATE())                         AS [Age]
      ,IIF(p.[Risk_Level] = 'High', 'High',
           IIF(DATEDIFF(year, p.[DOB], GETDATE()) >= 75 AND c.[Condition_ID] IS NOT NULL, 'High',
               IIF(p.[Risk_Level] = 'Medium' OR DATEDIFF(year, p.[DOB], GETDATE()) >= 65, 'Medium', 'Low')))
                                                                  AS [Risk_Band]
FROM   [dbo].[Referrals] AS r WITH (NOLOCK)
       INNER JOIN [dbo].[Patients]   AS p WITH (NOLOCK) ON p.[Patient_ID] = r.[Patient_ID]
       INNER JOIN [dbo].[Trusts]     AS t WITH (NOLOCK) ON t.[Trust_ID] = r.[Trust_ID]
       LEFT  JOIN [dbo].[Conditions] AS c WITH (NOLOCK) ON c.[Patient_ID] = p.[Patient_ID]
WHERE  r.[Referral_Status] IN ('Open', 'Accepted', 'Pending')
